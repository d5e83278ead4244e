"""What people outside may be shown of a run: links to walkthroughs, who made them, and who withdrew them."""
