"""The local cloud: real Debian machines on this computer that boot as EC2, Google Compute Engine and Azure VMs."""
