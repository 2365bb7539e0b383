// Command fresh proves that every way of SAM's to build a function takes the sources as they are: it edits a text in a copy of this
// repository's shared/ and looks for it in what `sam build`, `sam build --cached`, `sam sync` and `sam sync --watch` make. What the syncs upload
// is taken from their requests to AWS, which a small stand-in answers (aws.go). Nothing leaves this machine.
//
//	fresh SAM    SAM is the program; the current folder is the repository's root
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// edited is in every function's program.
	edited, marked = "shared/boot/environment/environment.go", "the function does not start"
	// waitMax is far above what a busy machine needs.
	waitMax = 5 * time.Minute
)

// functions are the folders of the template's functions, all there are.
var functions []string

func findFunctions() error {
	mains, err := filepath.Glob("functions/*/main.go")
	for _, file := range mains {
		functions = append(functions, filepath.Base(filepath.Dir(file)))
	}
	if err == nil && len(functions) == 0 {
		err = errors.New("no functions here: start this in the repository's root")
	}
	return err
}

// logical is a function's name in the template.
func logical(folder string) string { return strings.ToUpper(folder[:1]) + folder[1:] + "Function" }

// bench is a copy of the repository, and SAM in it.
type bench struct {
	dir, sam string
	aws      *stub
	mark     string // what the source says now
	edits    int
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: fresh SAM")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "fresh:", err)
		os.Exit(1)
	}
}

func run(sam string) error {
	if err := findFunctions(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fresh")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: filepath.Join(dir, "repo"), sam: sam, mark: marked}
	if err := copySources(b.dir); err != nil {
		return err
	}
	b.aws = startStub()
	defer b.aws.Close()
	steps := []struct {
		name string
		do   func() error
	}{
		{"sam build", func() error { return b.built("build") }},
		{"sam build --cached", func() error { return b.built("build", "--cached") }},
		{"sam build --cached again", func() error { return b.built("build", "--cached") }},
		{"sam build of a copy", func() error { return b.built("build", "--no-build-in-source") }},
		{"sam sync", func() error { return b.synced("sync") }},
		{"sam sync --code", func() error { return b.synced("sync", "--code") }},
		{"sam sync --watch", b.watched},
	}
	for _, step := range steps {
		started := time.Now()
		if err := errors.Join(b.edit(), step.do()); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("%s after an edit in shared/: all %d functions are as the source is, %d s\n", step.name, len(functions), int(time.Since(started).Seconds()))
	}
	return nil
}

// copySources copies what git keeps or would keep.
func copySources(dir string) error {
	list, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// edit puts a new text into the source.
func (b *bench) edit() error {
	path := filepath.Join(b.dir, edited)
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if bytes.Count(source, []byte(`"`+b.mark+`"`)) != 1 {
		return fmt.Errorf("%s does not hold %q once: bring this program up to date", edited, b.mark)
	}
	b.edits++
	mark := fmt.Sprintf("%s, edit %d", marked, b.edits)
	source = bytes.Replace(source, []byte(b.mark), []byte(mark), 1)
	b.mark = mark
	return os.WriteFile(path, source, 0o644)
}

// command is SAM in the copy, with an account of nobody and with no flags from this environment.
func (b *bench) command(ctx context.Context, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, b.sam, arguments...)
	c.Dir = b.dir
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "GOFLAGS=") || strings.HasPrefix(v, "MAKE")
	})
	c.Env = append(c.Env, "SAM_CLI_TELEMETRY=0", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL="+b.aws.URL, "AWS_REQUEST_CHECKSUM_CALCULATION=when_required", "SAM_CLI_POLL_DELAY=0.1",
		"__SAM_CLI_APP_DIR="+filepath.Join(b.dir, ".aws-sam", "home")) // or SAM remembers this copy in the user's home
	c.Stdin = strings.NewReader("y\n") // sam sync asks whether the stack is one for development
	c.WaitDelay = 10 * time.Second
	return c
}

func (b *bench) sync(ctx context.Context, arguments ...string) *exec.Cmd {
	return b.command(ctx, append(arguments, "--s3-bucket", "bucket", "--parameter-overrides",
		"TossClientKey=test_ck_none")...)
}

// lockedBuffer may be written and read at the same time.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func output(c *exec.Cmd) error {
	said, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	return nil
}

// built runs a build and looks at what lies in its folder.
func (b *bench) built(arguments ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	if err := output(b.command(ctx, arguments...)); err != nil {
		return err
	}
	for _, folder := range functions {
		program, err := os.ReadFile(filepath.Join(b.dir, ".aws-sam", "build", logical(folder), "bootstrap"))
		if err != nil {
			return err
		}
		if !bytes.Contains(program, []byte(b.mark)) {
			return fmt.Errorf("%s is stale: it does not hold the text that the source holds now", logical(folder))
		}
	}
	return nil
}

// synced runs a sync and looks at what it uploaded.
func (b *bench) synced(arguments ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	b.aws.forget()
	if err := output(b.sync(ctx, arguments...)); err != nil {
		return fmt.Errorf("%w\n%s", err, b.aws.log())
	}
	return b.uploaded()
}

func (b *bench) uploaded() error {
	if stale := b.aws.without(b.mark); len(stale) != 0 {
		return fmt.Errorf("these were uploaded stale, or not at all: %v; requests:\n%s", stale, b.aws.log())
	}
	return nil
}

// watched lets a watch make its first sync, edits, and waits for the uploads.
func (b *bench) watched() error {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	b.aws.forget()
	c := b.sync(ctx, "sync", "--watch")
	var said lockedBuffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		return err
	}
	defer func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait() // it was interrupted: its status says no more
	}()
	wait := func(what string, done func() bool) error {
		for !done() {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: never; %v\n%s\n%s", what, b.uploaded(), &said, b.aws.log())
			case <-time.After(200 * time.Millisecond):
			}
		}
		return nil
	}
	if err := wait("the first sync", func() bool { return b.uploaded() == nil }); err != nil {
		return err
	}
	if err := wait("watching", func() bool {
		return strings.Contains(said.String(), "Infra sync completed") || strings.Contains(said.String(), "Skipped infra sync")
	}); err != nil {
		return err
	}
	if err := b.edit(); err != nil {
		return err
	}
	return wait("the sync of the edit", func() bool { return b.uploaded() == nil })
}
