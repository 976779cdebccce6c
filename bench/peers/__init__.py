"""The servers that the gateway is compared with, each written as a good developer would with its library."""
