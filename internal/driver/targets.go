package driver

import (
	"context"
	"slices"
	"sync"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"golang.org/x/sync/errgroup"
)

// available refuses targets whose part of Rust's standard library is missing,
// all of them at once and before anything is compiled.
func available(ctx context.Context, o Options) error {
	var errs []error
	var seen []string
	for _, t := range o.Targets {
		if slices.Contains(seen, t.Triple) {
			continue
		}
		seen = append(seen, t.Triple)
		errs = append(errs, o.Cargo.Available(ctx, t.Triple))
	}
	return diag.Join(errs...)
}

// buildAll builds for all targets: cargo, which uses all processors by itself,
// for one after the other, and what comes after it side by side.
func buildAll(ctx context.Context, o Options) ([]*built, error) {
	o.Progress = oneAtATime(o)
	list, errs := make([]*built, len(o.Targets)), make([]error, len(o.Targets))
	running := map[string]*sync.WaitGroup{} // by triple
	var group errgroup.Group
	for i, t := range o.Targets {
		if w := running[t.Triple]; w != nil {
			w.Wait() // cargo is going to replace the library
		}
		in, err := compile(ctx, o, t)
		if err != nil {
			errs[i] = err
			if diag.All(err) == nil {
				break // not about the crate
			}
			continue
		}
		w := new(sync.WaitGroup)
		running[t.Triple] = w
		w.Add(1)
		group.Go(func() error {
			defer w.Done()
			defer in.close()
			list[i], errs[i] = build(forTarget(o, t), t, in)
			return nil
		})
	}
	group.Wait()
	return list, diag.Join(distinct(o.Targets, errs)...)
}

// forTarget makes progress say which target it is about, if there are several.
func forTarget(o Options, t target.Target) Options {
	if len(o.Targets) > 1 {
		report := o.Progress
		o.Progress = func(e Event) { report(Event{e.Verb, e.Text + " (" + t.String() + ")"}) }
	}
	return o
}

// oneAtATime returns the progress function for concurrent use.
func oneAtATime(o Options) func(Event) {
	var lock sync.Mutex
	return func(e Event) {
		lock.Lock()
		defer lock.Unlock()
		o.Progress(e)
	}
}

// distinct drops what has been said of another target already, and notes what is
// said of one target alone.
func distinct(targets []target.Target, errs []error) []error {
	var list []error
	said := map[string]bool{}
	for i, err := range errs {
		all := diag.All(err)
		if all == nil {
			list = append(list, err)
			continue
		}
		for _, d := range all {
			if key := d.Error(); !said[key] {
				said[key] = true
				if len(targets) > 1 {
					d.Notes = append(d.Notes, "found when building for "+targets[i].String())
				}
				list = append(list, d)
			}
		}
	}
	return list
}
