"""The plugins that ship with Placet. `allowlist.toml` names them and everything they may reach."""
