"""What is put together for a command: adapters, and the engine over them. A part is loaded where it is needed."""
