"""A summary made into what people and programs read: Markdown, JSON, CSV, ConfigMap, status, object keys. Pure."""
