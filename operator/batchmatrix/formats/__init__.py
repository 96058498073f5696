"""Files in and out: matrices and catalogs, and the files of other programs. Pure: text in, text out."""
