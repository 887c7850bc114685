// Only its presence matters: the deployed agent is two files.
export {};
