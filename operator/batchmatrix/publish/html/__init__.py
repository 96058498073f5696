"""report.html: the whole result as one page that needs nothing but itself."""
