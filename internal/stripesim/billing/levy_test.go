package billing

import (
	"slices"
	"testing"
)

func TestTaxes(t *testing.T) {
	added, contained := func(p string) Levy { return Levy{Percentage: p} }, func(p string) Levy { return Levy{Percentage: p, Inclusive: true} }
	for _, test := range []struct {
		amount int64
		levies []Levy
		want   []int64
		net    int64
	}{
		{1000, nil, nil, 1000},
		{1000, []Levy{added("19")}, []int64{190}, 1000},
		{1190, []Levy{contained("19")}, []int64{190}, 1000},
		{1000, []Levy{contained("19")}, []int64{160}, 840}, // 159.66
		{999, []Levy{added("8.875")}, []int64{89}, 999},    // 88.66
		{1100, []Levy{contained("10"), added("5")}, []int64{100, 50}, 1000},
		{-1000, []Levy{added("19")}, []int64{-190}, -1000},
	} {
		taxes, net := Taxes(test.amount, test.levies)
		if !slices.Equal(taxes, test.want) || net != test.net {
			t.Errorf("%d with %v: %v, %d; want %v, %d", test.amount, test.levies, taxes, net, test.want, test.net)
		}
	}
}
