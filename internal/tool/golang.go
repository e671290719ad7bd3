package tool

import (
	"context"
	"encoding/json"
	"fmt"
)

// GoEnv is what we use of `go env`.
type GoEnv struct {
	GOOS, GOARCH string
	// GOVERSION is the version of the toolchain, such as "go1.26.1".
	GOVERSION string
	// GOMOD is the path of the main module's go.mod, os.DevNull outside a
	// module, or "" in GOPATH mode.
	GOMOD string
	// GOWORK is the path of go.work, or "".
	GOWORK string
	// GOPATH is a list of directories.
	GOPATH string
}

// GoEnv asks the go command in PATH for its settings in r's directory.
func (r Runner) GoEnv(ctx context.Context) (*GoEnv, error) {
	out, err := r.output(ctx, "go", "env", "-json", "GOOS", "GOARCH", "GOVERSION", "GOMOD", "GOWORK", "GOPATH")
	if err != nil {
		return nil, err
	}
	env := new(GoEnv)
	if err := json.Unmarshal(out, env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	return env, nil
}
