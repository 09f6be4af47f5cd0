package billing

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestReduction(t *testing.T) {
	percent := func(text string) Reduction { return Reduction{Percent: &text} }
	for _, test := range []struct {
		reduction     Reduction
		amounts, want []int64
	}{
		{percent("25"), []int64{1000, 200}, []int64{250, 50}},
		{percent("33.3"), []int64{999}, []int64{333}}, // 332.667
		{percent("12.5"), []int64{100, -100}, []int64{13, 0}},
		{percent("100"), []int64{7}, []int64{7}},
		{Reduction{Amount: 300}, []int64{1000, 500}, []int64{200, 100}},
		{Reduction{Amount: 100}, []int64{100, 100, 100}, []int64{33, 33, 34}},
		{Reduction{Amount: 5000}, []int64{1000, -50, 500}, []int64{1000, 0, 500}},
		{Reduction{Amount: 5000}, []int64{0}, []int64{0}},
	} {
		if got := test.reduction.Of(test.amounts); !slices.Equal(got, test.want) {
			t.Errorf("%+v of %v: %v, want %v", test.reduction, test.amounts, got, test.want)
		}
	}
}

// TestReductionOfAnAmountIsSpreadWhole holds for every split: all of it is taken off,
// and never more than there is.
func TestReductionOfAnAmountIsSpreadWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Int64Range(-1_000, 99_999_999), 1, 20).Draw(t, "amounts")
		r := Reduction{Amount: rapid.Int64Range(1, 99_999_999).Draw(t, "off")}
		var payable, taken int64
		for i, off := range r.Of(amounts) {
			payable += max(amounts[i], 0)
			taken += off
			if off < 0 || off > max(amounts[i], 0) {
				t.Fatalf("takes %d off %d", off, amounts[i])
			}
		}
		if taken != min(r.Amount, payable) {
			t.Fatalf("takes %d off %d in all", taken, payable)
		}
	})
}
