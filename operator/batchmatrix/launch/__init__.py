"""From a Launch to the Job that runs it: names, the manifest, and what a retry changes."""
