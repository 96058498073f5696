"""What everything else stands on: ids, times, quantities, errors and safe text. No I/O, no other room."""
