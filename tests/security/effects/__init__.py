"""An effect happens once, whatever the other system answers."""
