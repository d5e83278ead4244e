"""A BSS to try Placet on: TM Forum APIs over HTTP, a foreign system to all the rest."""
