"""The commands of `gateway` for production: `serve`, `check`, `deliveries`, `inbox`, `explain`, `migrate`, `keys rotate`, `export` and `erase`."""
