"""What happens in which order: observe, decide, apply, and the bytes of logs. It knows the world by ports only."""
