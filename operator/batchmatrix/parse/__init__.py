"""Log lines to metrics: streaming, bounded, one module per format. Pure: bytes in, numbers out."""
