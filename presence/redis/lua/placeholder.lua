-- placeholder until the first real script is here
return 0
