"""Evaluates what users supply (rules, patterns, files) in a child process with limits of time and memory."""
