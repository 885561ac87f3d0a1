"""What the page shows, as data: models and pure functions, used by the server of the page and by `sweep report`."""
