"""Parts of the live feed: its listeners, the versions that it delivered, and what a feed reads when it resumes."""
