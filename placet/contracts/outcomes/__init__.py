"""What became of treated customers, compared with the control group: figures, intervals and verdicts."""
