"""What is kept: blobs as files, names and revisions in SQL."""
