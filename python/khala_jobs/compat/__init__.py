"""Drop-in replacements for the job systems that `khala_jobs` takes over from."""
