"""The generated part of docs/: `make generate` writes it, a test compares it, the site is built from it."""
