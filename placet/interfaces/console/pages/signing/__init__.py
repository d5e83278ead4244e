"""What somebody who is signed in signs with a passkey: a module for each kind of document, and the page that asks."""
