"""Check a verification, and run one: sample the steady state while conditions come and go."""
