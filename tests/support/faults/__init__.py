"""What goes wrong between the operator and the servers that it speaks to, on purpose and on time."""
