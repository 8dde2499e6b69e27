package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

// envFile is the variables of an env file. As a kong.Resolver it gives them to
// the flags that name them; the process environment stays as it is and wins. A
// variable that is set to nothing counts as not set, in either place.
type envFile map[string]string

// loadEnvFile reads the file named by --env-file or TANDEM_ENV_FILE, which must
// exist, else ./.env, which may not.
func loadEnvFile(args []string) (envFile, error) {
	name := envFileName(args)
	explicit := name != ""
	if !explicit {
		name = ".env"
	}
	vars, err := godotenv.Read(name)
	switch {
	case err == nil:
		return vars, nil
	case errors.Is(err, fs.ErrNotExist) && !explicit:
		return envFile{}, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("env file %s does not exist", name)
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return nil, fmt.Errorf("env file: %w", err)
	}
	// The parser's text quotes the line, which may be a secret.
	return nil, fmt.Errorf("env file %s is not a list of NAME=value lines", name)
}

// envFileName looks for the flag before the flags are parsed.
func envFileName(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--env-file="); ok {
			return value
		}
		if arg == "--env-file" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return os.Getenv("TANDEM_ENV_FILE")
}

// Validate has nothing to check: env files may hold what other programs read.
func (e envFile) Validate(*kong.Application) error { return nil }

// Resolve gives a flag its value from the environment or the file.
func (e envFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	emptied := false
	for _, name := range flag.Envs {
		if value, ok := os.LookupEnv(name); ok {
			if value != "" {
				return value, nil
			}
			emptied = true
		}
	}
	for _, name := range flag.Envs {
		if value := e[name]; value != "" {
			return value, nil
		}
	}
	if emptied && flag.HasDefault {
		return flag.Default, nil
	}
	return nil, nil //nolint:nilnil // what kong wants for "not known here"
}
