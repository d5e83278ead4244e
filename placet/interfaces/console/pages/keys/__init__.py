"""What is done with passkeys: decide, sign in, become an approver, become the first administrator."""
