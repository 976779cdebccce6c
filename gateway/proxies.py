"""The proxies whose word is taken for where a client is."""

from ipaddress import ip_network


def parsed(text: str) -> list[str]:
    """The addresses and networks in a text, separated by commas. Raises: ValueError."""
    proxies = [part.strip() for part in text.split(",") if part.strip()]
    try:
        for proxy in proxies:
            ip_network(proxy)
    except ValueError:
        raise ValueError("must be addresses and networks such as 10.0.0.7 and 10.1.0.0/16, separated by commas") from None
    return proxies
