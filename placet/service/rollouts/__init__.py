"""Rollouts: started, ordered on, held and ended by people; carried stage by stage in between."""
