"""From a spec to cells that can run: expand, place, resolve, identify, order, pin. Pure."""
