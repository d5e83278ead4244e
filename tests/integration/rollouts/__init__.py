"""Rollouts, stage by stage."""
