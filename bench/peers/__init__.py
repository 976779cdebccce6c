"""The servers that the gateway is compared with, each as a good developer would write it with that library."""
