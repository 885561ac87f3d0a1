"""``kubectl sweep``: a kubectl plugin with its user's rights and nothing else; it needs no operator to talk to."""
