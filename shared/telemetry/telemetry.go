// Package telemetry writes logs: one JSON object a line, each with the ids that let an operator follow one order through doors and provider.
//
// Every line that alarms has an "event": money.review, money.unsettled, security.amount_mismatch, config.error. template.yaml counts them.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

type contextKey struct{}

// New returns a logger that adds what With put into the context to every line. Level is debug, info, warn or error; anything else is info.
func New(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(contextHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})})
}

// With returns a context whose log lines carry the attributes.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	old, _ := ctx.Value(contextKey{}).([]slog.Attr)
	all := make([]slog.Attr, 0, len(old)+len(attrs))
	return context.WithValue(ctx, contextKey{}, append(append(all, old...), attrs...))
}

type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if attrs, ok := ctx.Value(contextKey{}).([]slog.Attr); ok {
		r.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
