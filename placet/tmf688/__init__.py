"""What a BSS notifies us of by TM Forum's TMF688 Event Management v4, in the words of our own events."""
