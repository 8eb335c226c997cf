// The release: what --version prints and what agent and bastion tell each other.

export const VERSION = '0.1.0';
