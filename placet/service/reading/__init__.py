"""What interfaces read and change nothing by: the record, notifications, answers of policy to what is supposed."""
