"""What people sign beside a decision, as it is stored: enrolments, delegations, mandates and the lifting of halts."""
