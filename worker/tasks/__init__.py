"""Tasks: every module in this folder is loaded when the worker starts, and again when it changes in development."""
