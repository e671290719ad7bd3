package driver

import (
	"context"
	"slices"
	"sync"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
	"golang.org/x/sync/errgroup"
)

// available refuses targets whose part of Rust's standard library is missing,
// all of them at once and before anything is compiled.
func available(ctx context.Context, o Options, config *tool.Config) error {
	var errs []error
	var seen []string
	for _, t := range o.Targets {
		if slices.Contains(seen, t.Triple) {
			continue
		}
		seen = append(seen, t.Triple)
		errs = append(errs, o.Cargo.Available(ctx, config, t.Triple))
	}
	return diag.Join(errs...)
}

// job is one run of cargo: for a target, and for a variant of its processors.
type job struct {
	target  target.Target
	variant target.Variant
}

func (j job) String() string {
	if j.variant.Name != "" {
		return j.target.String() + " " + j.variant.Name
	}
	return j.target.String()
}

// jobs lists what there is to compile.
func jobs(o Options, config *tool.Config) []job {
	var list []job
	for _, t := range o.Targets {
		list = append(list, job{target: t})
		if config == nil {
			continue
		}
		for _, v := range config.Variants {
			if t.Chooses(v) {
				list = append(list, job{t, v})
			}
		}
	}
	return list
}

// buildAll builds for all targets: cargo, which uses all processors by itself,
// for one after the other, and what comes after it side by side.
func buildAll(ctx context.Context, o Options, config *tool.Config) ([]*built, error) {
	o.Progress = oneAtATime(o)
	todo := jobs(o, config)
	list, errs := make([]*built, len(todo)), make([]error, len(todo))
	var group errgroup.Group
	for i, j := range todo {
		in, err := compile(ctx, o, j)
		if err != nil {
			errs[i] = err
			if diag.All(err) == nil {
				break // not about the crate
			}
			continue
		}
		// Every job has a library of its own, which cargo does not replace.
		group.Go(func() error {
			defer in.close()
			list[i], errs[i] = build(forJob(o, j, len(todo)), j, in)
			return nil
		})
	}
	group.Wait()
	return list, diag.Join(distinct(todo, errs)...)
}

// forJob makes progress say what it is about, if there is more than one.
func forJob(o Options, j job, n int) Options {
	if n > 1 {
		report := o.Progress
		o.Progress = func(e Event) { report(Event{e.Verb, e.Text + " (" + j.String() + ")"}) }
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
func distinct(jobs []job, errs []error) []error {
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
				if len(jobs) > 1 {
					d.Notes = append(d.Notes, "found when building for "+jobs[i].String())
				}
				list = append(list, d)
			}
		}
	}
	return list
}
