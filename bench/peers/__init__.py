"""The servers that the gateway is compared with (its peers). Each uses a different library, in the way that a good developer would use it."""
