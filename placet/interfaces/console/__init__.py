"""The console: pages over the operations of `placet.service`, rendered by the server (docs/adr/0036)."""
