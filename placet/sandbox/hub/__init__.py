"""TMF688 Event Management v4: who is told of what happens here, and the telling."""
