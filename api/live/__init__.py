"""The last mile: a task's states to browsers, over the websocket hub, wsify, or server-sent events."""
