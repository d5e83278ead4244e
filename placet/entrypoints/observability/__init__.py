"""What a process lets others observe of it: its logs, its traces and its metrics."""
