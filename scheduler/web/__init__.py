"""What is served over HTTP: feeds first, pages behind them."""
