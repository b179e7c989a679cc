"""The only place that knows Git: its command (`command`) and its objects (`objects`)."""
