"""How people and systems reach Placet."""
