"""The page's server: what a Source has, over HTTP."""
